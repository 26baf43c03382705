// The 3-D view: lines of the cube, and points as discs that face the reader.

struct View {
  matrix: mat4x4f,
  // of the canvas, in pixels
  size: vec2f,
}
@group(0) @binding(0) var<uniform> view: View;

struct Line {
  @builtin(position) position: vec4f,
  @location(0) colour: vec4f,
}

@vertex fn line(@location(0) at: vec3f, @location(1) colour: vec4f) -> Line {
  return Line(view.matrix * vec4f(at, 1), colour);
}

@fragment fn lineColour(in: Line) -> @location(0) vec4f {
  return vec4f(in.colour.rgb * in.colour.a, in.colour.a);
}

struct Disc {
  @builtin(position) position: vec4f,
  @location(0) colour: vec4f,
  // from the middle, in radii
  @location(1) corner: vec2f,
}

// two triangles of an instance; radius in pixels
@vertex fn disc(
  @builtin(vertex_index) vertex: u32,
  @location(0) at: vec3f,
  @location(1) radius: f32,
  @location(2) colour: vec4f,
) -> Disc {
  let corner = vec2f(f32((0x2cu >> vertex) & 1u), f32((0x32u >> vertex) & 1u)) * 2 - 1;
  let middle = view.matrix * vec4f(at, 1);
  let offset = corner * radius * 2 / view.size * middle.w;
  return Disc(vec4f(middle.xy + offset, middle.zw), colour, corner);
}

@fragment fn discColour(in: Disc) -> @location(0) vec4f {
  let away = length(in.corner);
  let inside = 1 - smoothstep(0.85, 1.0, away);
  let alpha = in.colour.a * inside;
  return vec4f(in.colour.rgb * alpha, alpha);
}
