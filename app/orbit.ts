// A camera that goes round the unit cube, by drag, wheel and keys, and what it sees.

import { mat4, vec3, type Mat4 } from 'wgpu-matrix'

export type Point3 = readonly [x: number, y: number, z: number]

const START = { yaw: 0.7, pitch: 0.45, distance: 5.2 }
const STEP = 0.12
const NEAR = 0.1
const FAR = 50
const FIELD_OF_VIEW = 0.75

export class Orbit {
  #yaw = START.yaw
  #pitch = START.pitch
  #distance = START.distance

  /** @param element gets the pointer, the wheel and the keys; @param moved is called after every move */
  constructor(element: HTMLElement, moved: () => void) {
    const turn = (yaw: number, pitch: number): void => {
      this.#yaw += yaw
      this.#pitch = Math.max(-1.45, Math.min(1.45, this.#pitch + pitch))
      moved()
    }
    const near = (factor: number): void => {
      this.#distance = Math.max(2.4, Math.min(12, this.#distance * factor))
      moved()
    }
    element.addEventListener('pointerdown', (event) => element.setPointerCapture(event.pointerId))
    element.addEventListener('pointermove', (event) => {
      if (element.hasPointerCapture(event.pointerId)) turn(-event.movementX / 150, event.movementY / 150)
    })
    element.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault()
        near(Math.exp(event.deltaY / 800))
      },
      { passive: false },
    )
    const keys: Record<string, () => void> = {
      ArrowLeft: () => turn(-STEP, 0),
      ArrowRight: () => turn(STEP, 0),
      ArrowUp: () => turn(0, STEP),
      ArrowDown: () => turn(0, -STEP),
      '+': () => near(0.9),
      '=': () => near(0.9),
      '-': () => near(1.1),
      Home: () => {
        this.#yaw = START.yaw
        this.#pitch = START.pitch
        this.#distance = START.distance
        moved()
      },
    }
    element.addEventListener('keydown', (event) => {
      const act = keys[event.key]
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      act()
    })
  }

  /** From the cube to clip space. @param aspect width / height */
  matrix(aspect: number): Mat4 {
    // a narrow window sees as much of the cube from further away
    const distance = this.#distance / Math.min(1, aspect / 1.3)
    const flat = Math.cos(this.#pitch) * distance
    const eye = vec3.create(flat * Math.sin(this.#yaw), distance * Math.sin(this.#pitch), flat * Math.cos(this.#yaw))
    const view = mat4.lookAt(eye, vec3.create(0, -0.1, 0), vec3.create(0, 1, 0))
    return mat4.multiply(mat4.perspective(FIELD_OF_VIEW, aspect, NEAR, FAR), view)
  }
}

/** Where a point is on a canvas, and how deep: 0 near, 1 far. */
export function project(matrix: Mat4, [x, y, z]: Point3, width: number, height: number): Point3 {
  const [cx, cy, cz] = vec3.transformMat4(vec3.create(x, y, z), matrix)
  return [((cx + 1) / 2) * width, ((1 - cy) / 2) * height, cz]
}
