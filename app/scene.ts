// The points of size, time and F1 inside the cube, with its edges, their feet on its floor, and names.

import type { ScoredPoint } from './chart-data.ts'
import type { Point3 } from './orbit.ts'

export interface SceneLine {
  from: Point3
  to: Point3
  /** 'edge' of the cube, 'foot' of a point */
  kind: 'edge' | 'foot'
}

export interface ScenePoint {
  at: Point3
  name: string
  /** which machine it is of, from 0 */
  machine: number
}

export interface SceneText {
  at: Point3
  text: string
}

export interface Scene {
  lines: SceneLine[]
  points: ScenePoint[]
  texts: SceneText[]
}

/** x: size, z: time, both on log scales; y, upwards: F1. Each axis is as long as its values need. */
export function makeScene(points: readonly ScoredPoint[], names: { x: string; y: string; z: string }): Scene {
  const x = scale(points.map(({ bytes }) => Math.log(bytes)))
  const y = scale(points.map(({ f1 }) => f1))
  // little time is in front
  const z = scale(points.map(({ ms }) => Math.log(ms)))
  const machines = [...new Set(points.map(({ machine }) => machine))]
  const placed = points.map((point): ScenePoint => ({
    at: [x.place(Math.log(point.bytes)), y.place(point.f1), -z.place(Math.log(point.ms))],
    name: point.name,
    machine: machines.indexOf(point.machine),
  }))
  const feet = placed.map(({ at }): SceneLine => ({ from: at, to: [at[0], -1, at[2]], kind: 'foot' }))
  const short = (value: number): string => String(Number(value.toPrecision(3)))
  return {
    lines: [...edges(), ...feet],
    points: placed,
    texts: [
      { at: [0, -1.12, 1.12], text: names.x },
      { at: [-1, -1.08, 1.08], text: short(Math.exp(x.low) / 1e6) },
      { at: [1, -1.08, 1.08], text: short(Math.exp(x.high) / 1e6) },
      { at: [1.15, -1.08, 0], text: names.z },
      { at: [1.08, -1.02, 0.85], text: short(Math.exp(z.low)) },
      { at: [1.08, -1.02, -1], text: short(Math.exp(z.high)) },
      { at: [-1.1, 0.1, 1.02], text: names.y },
      { at: [-1.08, -0.86, 1.02], text: short(y.low) },
      { at: [-1.08, 1, 1.02], text: short(y.high) },
    ],
  }
}

interface Scale {
  low: number
  high: number
  /** into [-1, 1] */
  place: (value: number) => number
}

function scale(values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  // one value alone stands in the middle
  const margin = (most - least) * 0.08 || Math.abs(least) * 0.05 || 1
  const [low, high] = [least - margin, most + margin]
  return { low, high, place: (value) => (2 * (value - low)) / (high - low) - 1 }
}

/** The floor with its grid, and the edges of two walls. */
function edges(): SceneLine[] {
  const line = (from: Point3, to: Point3): SceneLine => ({ from, to, kind: 'edge' })
  const grid = [-1, -0.5, 0, 0.5, 1].flatMap((at) => [line([at, -1, -1], [at, -1, 1]), line([-1, -1, at], [1, -1, at])])
  const posts: [number, number][] = [
    [-1, -1],
    [-1, 1],
    [1, -1],
  ]
  return [
    ...grid,
    ...posts.map(([x, z]) => line([x, -1, z], [x, 1, z])),
    line([-1, 1, -1], [1, 1, -1]),
    line([-1, 1, -1], [-1, 1, 1]),
  ]
}
