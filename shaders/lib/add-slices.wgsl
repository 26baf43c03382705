// Statements: the sums of all slices of the inputs, added in one order through workgroup memory.
partial[slice * (COLUMNS * 4u) + lane] = sum0;
partial[slice * (COLUMNS * 4u) + COLUMNS + lane] = sum1;
partial[slice * (COLUMNS * 4u) + 2u * COLUMNS + lane] = sum2;
partial[slice * (COLUMNS * 4u) + 3u * COLUMNS + lane] = sum3;
workgroupBarrier();
// the 16 COLUMNS outputs, 4 columns of one row to a thread: row `slice` of its 4
if (index >= COLUMNS * 4u) {
  return;
}
var sum = partial[index];
for (var i = 1u; i < 256u / COLUMNS; i++) {
  sum += partial[(i * (COLUMNS * 4u) + index) % 1024u];
}
