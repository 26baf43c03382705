// The parts of the peers' packages that the adapters use; the packages themselves are installed by the bench, not by us.

declare module '@litertjs/core' {
  export class Tensor {
    constructor(data: Float32Array, shape: number[])
    data(): Promise<Float32Array>
    delete(): void
  }
  interface CompiledModel {
    run(input: Tensor): Promise<Tensor[]>
    delete(): void
  }
  export function loadLiteRt(path: string, options: { threads: boolean }): Promise<unknown>
  export function loadAndCompile(
    model: Uint8Array,
    options: { accelerator: 'wasm'; cpuOptions: { numThreads: number } },
  ): Promise<CompiledModel>
}

declare module '@tensorflow/tfjs-core' {
  export interface Tensor {
    data(): Promise<Float32Array>
    dispose(): void
  }
  export function setBackend(name: string): Promise<boolean>
  export function tensor1d(values: Float32Array): Tensor
  export function tensor2d(values: Float32Array, shape: [number, number]): Tensor
  export function tidy(compute: () => Tensor): Tensor
  export const fused: { matMul(given: { a: Tensor; b: Tensor; bias: Tensor }): Tensor }
}

declare module '@tensorflow/tfjs-backend-wasm' {
  export function setWasmPaths(prefix: string): void
  export function setThreadsCount(count: number): void
  export function getThreadsCount(): number
}

declare module 'flatbuffers' {
  export class Builder {
    constructor(size: number)
    startVector(size: number, count: number, alignment: number): void
    endVector(): number
    startObject(fields: number): void
    endObject(): number
    addInt8(value: number): void
    addInt32(value: number): void
    addInt64(value: bigint): void
    addFloat32(value: number): void
    addOffset(offset: number): void
    addFieldInt8(field: number, value: number, otherwise: number): void
    addFieldInt32(field: number, value: number, otherwise: number): void
    addFieldOffset(field: number, offset: number, otherwise: number): void
    createString(text: string): number
    finish(root: number, identifier: string): void
    asUint8Array(): Uint8Array
  }
}
