// Statements: 4 columns of each of 4 neighbouring inputs, or of 16 as bytes, from a panel of 64 columns.
let w0 = weight[at];
let w1 = weight[at + 16u];
let w2 = weight[at + 32u];
let w3 = weight[at + 48u];
