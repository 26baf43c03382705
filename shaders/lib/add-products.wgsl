// Statements, not a function, which not every compiler of shaders inlines: 4 inputs of 4 rows (a, b, c, d) times the
// columns that each of these inputs meets (w0 to w3), added to the 4 rows' sums.
sum0 += a.x * w0 + a.y * w1 + a.z * w2 + a.w * w3;
sum1 += b.x * w0 + b.y * w1 + b.z * w2 + b.w * w3;
sum2 += c.x * w0 + c.y * w1 + c.z * w2 + c.w * w3;
sum3 += d.x * w0 + d.y * w1 + d.z * w2 + d.w * w3;
