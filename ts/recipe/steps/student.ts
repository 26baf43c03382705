import { PRESETS } from '../../model/config.ts'
import { encoderSize, findPreset } from '../../model/preset.ts'
import { configOfPreset, shapeOfConfig } from '../../model/shape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface StudentStep extends ParsedStep {
  kind: 'student'
  name: string
}

const PUT_IT_FIRST =
  'a student replaces the weights, so that earlier compression is lost: put it first (only vocab may come before it)'

export const student: RecipeStep<StudentStep> = {
  kind: 'student',
  syntax: [
    [
      'student:<NAME>',
      'a smaller model, trained on labelled texts by `distil`, by `study`, or in code, e.g. student:mini',
    ],
  ],
  parse: (text) => {
    const match = /^student:([\w.-]+)$/.exec(text)
    return match && { kind: 'student', name: match[1] }
  },
  parseOfShape: null,
  leaves: 'student',
  cannotFollow: {
    int8: PUT_IT_FIRST,
    'int8 words': PUT_IT_FIRST,
    sparse: PUT_IT_FIRST,
    cut: PUT_IT_FIRST,
    factors: PUT_IT_FIRST,
  },
  stage: 'model',
  texts: () => ({}),
  changesInputs: true,
  apply: async (model, { text, name }, context) => {
    if (!context.student)
      throw new Error(`recipe: '${text}' trains a model; use the command study or distil (in code context.student)`)
    // the trainer reports how far it is
    const { model: trained, vocabulary } = await context.student(name, model)
    const tokens = vocabulary?.length ?? model.config.vocabSize
    if (trained.config.vocabSize !== tokens)
      throw new Error(
        `recipe: '${text}': the student has ${trained.config.vocabSize} tokens, expected ${tokens}` +
          (vocabulary ? ', the length of its vocabulary' : ", its teacher's, or a vocabulary of its own"),
      )
    return {
      model: trained,
      notes: [`student: '${name}', ${trained.layers.length} layers of width ${trained.config.hiddenSize}`],
      vocabulary,
    }
  },
  reshape: (shape, { name }) => {
    const { vocabSize, labels, recipe } = shape.config
    // layers x width keeps the teacher's positions
    const size = Object.hasOwn(PRESETS, name) ? null : encoderSize(name)
    if (size) return shapeOfConfig({ ...shape.config, ...size })
    return shapeOfConfig({ ...configOfPreset(findPreset(name), labels), vocabSize, recipe })
  },
  grow: null,
  ranks: null,
}
