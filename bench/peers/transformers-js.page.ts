// transformers.js in a page, on onnxruntime-web's WebAssembly: the packages' own files, served beside it.

import { transformersTexts, type Transformers } from './transformers-texts.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () =>
  transformersTexts({
    engineVersion: ENGINE_VERSION,
    note: 'onnxruntime-web as it comes with it, WebAssembly',
    async open({ threads }) {
      const place = new URL('package/', location.href).href
      const library = (await import(`${place}transformers.min.js`)) as Transformers
      Object.assign((library.env.backends.onnx.wasm ??= {}), { wasmPaths: place, numThreads: threads })
      return { library, options: { device: 'wasm' } }
    },
  })
