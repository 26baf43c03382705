// Statements: 16 rows x COLUMNS columns per workgroup of 256 threads, which are 256 / COLUMNS slices of the inputs;
// each thread has 4 rows x 4 columns.
let slices = 256u / COLUMNS;
let slice = index / COLUMNS;
let lane = index % COLUMNS;
let column = group.x * COLUMNS + lane % (COLUMNS / 4u) * 4u;
let row = group.y * 16u + lane / (COLUMNS / 4u) * 4u;
