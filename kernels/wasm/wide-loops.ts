// Inner loops of the wide module that no tile is: exported, so that each stays a function of its own, which is joined to 256 bits
// or not by itself.

const FINISHED = ['f32', 'int8'].flatMap((type) =>
  ['', '_gelu'].flatMap((gelu) => [`finish_${type}${gelu}_16`, `finish_${type}${gelu}_8`]),
)

export const WIDE_LOOPS: readonly { source: string; exports: readonly string[] }[] = [
  { source: 'sparse-rows-wide', exports: ['csr_row_wide_32', 'block_row_relaxed_wide_32'] },
  { source: 'tile-int8-i16-wide', exports: ['tile_i16_4x16', 'tile_i16_5x16'] },
  { source: 'tile-nm', exports: ['tile_nm_4x16', 'tile_nm_5x16', 'tile_nm_6x16'] },
  { source: 'epilogue-wide', exports: [...FINISHED, 'finish_rows', 'finish_rows_gelu'] },
]
