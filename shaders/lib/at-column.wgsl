// f32 of 4 neighbouring columns of the lists of a layer in tiles. Needs columns.

fn atColumn(column: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4(columns[column], columns[column + 1u], columns[column + 2u], columns[column + 3u]));
}
