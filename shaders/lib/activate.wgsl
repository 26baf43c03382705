// The activation of a linear layer's outputs. Needs dims.activation: the codes of kernels/program/activations.ts.

// x / (1 + exp(-z)), z of the sign of x: exp(-|z|) is at most 1
fn timesSigmoid(x: vec4<f32>, z: vec4<f32>) -> vec4<f32> {
  let e = exp(-min(abs(z), vec4(87.0)));
  return select(x, x * e, x < vec4(0.0)) / (1.0 + e);
}

// gelu in its erf form: erfc(|x| / sqrt 2) by Abramowitz and Stegun 7.1.26, off by at most 1.5e-7; arguments of exp and
// tanh are kept in a range where every driver is finite
fn activateFinite(x: vec4<f32>) -> vec4<f32> {
  switch dims.activation {
    case 1u: {
      let z = min(abs(x) * 0.70710678, vec4(9.0));
      let t = 1.0 / (1.0 + 0.3275911 * z);
      let series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
      let tail = t * series * exp(-z * z);
      return 0.5 * x * select(2.0 - tail, tail, x < vec4(0.0));
    }
    case 2u: {
      return tanh(clamp(x, vec4(-15.0), vec4(15.0)));
    }
    case 3u: {
      return max(x, vec4(0.0));
    }
    case 4u: {
      return timesSigmoid(x, x * (1.5957691 + 0.07135482 * min(x * x, vec4(1000.0))));
    }
    case 5u: {
      return timesSigmoid(x, x);
    }
    default: {
      return x;
    }
  }
}

// min, max and clamp may pass over NaN, which must stay NaN: told by its bits, since compilers may take x != x for false
fn activate(x: vec4<f32>) -> vec4<f32> {
  return select(activateFinite(x), x, (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u));
}
