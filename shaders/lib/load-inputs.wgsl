// Statements: 4 neighbouring inputs, or 16 as bytes, of 4 rows.
let a = input[x0 + k];
let b = input[x1 + k];
let c = input[x2 + k];
let d = input[x3 + k];
