// Statements, not a function, which not every compiler of shaders inlines: 4 inputs of 4 rows (a, b, c, d) times the
// columns that each of these inputs meets (w0 to w3), added to the 4 rows' sums. One product to a statement: compilers may
// not reassociate a sum of products, and round its first one apart, which costs 5 instructions for 4 products.
sum0 += a.x * w0;
sum0 += a.y * w1;
sum0 += a.z * w2;
sum0 += a.w * w3;
sum1 += b.x * w0;
sum1 += b.y * w1;
sum1 += b.z * w2;
sum1 += b.w * w3;
sum2 += c.x * w0;
sum2 += c.y * w1;
sum2 += c.z * w2;
sum2 += c.w * w3;
sum3 += d.x * w0;
sum3 += d.y * w1;
sum3 += d.z * w2;
sum3 += d.w * w3;
