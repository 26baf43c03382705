// The activation of a linear layer's outputs. Needs dims.activation.

// gelu in its erf form: erfc(|x| / sqrt 2) by Abramowitz and Stegun 7.1.26, off by at most 1.5e-7; arguments of exp and
// tanh are kept in a range where every driver is finite
fn activate(x: vec4<f32>) -> vec4<f32> {
  if (dims.activation == 1u) {
    let z = min(abs(x) * 0.70710678, vec4(9.0));
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
    let tail = t * series * exp(-z * z);
    return 0.5 * x * select(2.0 - tail, tail, x < vec4(0.0));
  }
  if (dims.activation == 2u) {
    return tanh(clamp(x, vec4(-15.0), vec4(15.0)));
  }
  return x;
}
