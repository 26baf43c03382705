// As add-products.wgsl, for 16 inputs as bytes: a to d and w0 to w3 are vec4<u32> of 4 bytes each.
sum0 += dots(a.x, w0);
sum0 += dots(a.y, w1);
sum0 += dots(a.z, w2);
sum0 += dots(a.w, w3);
sum1 += dots(b.x, w0);
sum1 += dots(b.y, w1);
sum1 += dots(b.z, w2);
sum1 += dots(b.w, w3);
sum2 += dots(c.x, w0);
sum2 += dots(c.y, w1);
sum2 += dots(c.z, w2);
sum2 += dots(c.w, w3);
sum3 += dots(d.x, w0);
sum3 += dots(d.y, w1);
sum3 += dots(d.z, w2);
sum3 += dots(d.w, w3);
