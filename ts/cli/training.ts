// What `train` and `distil` say while they run and when they are done.

import type { DistilledEmbedder } from '../distil/embed.node.ts'
import type { TrainedClassifier, Watch } from '../train/settings.ts'
import type { Tuned } from '../train/search.ts'
import type { TrainingSetting } from '../train/tune.ts'
import { columns } from './columns.ts'
import { interruptible } from './interruptible.ts'
import { createProgress } from './progress.ts'
import { measureFloors, withoutPredictions, type Floor } from '../evaluation/floors.ts'
import { floorWords, taskWords, vectorWords } from './scores.ts'

/** Runs a training that the first Ctrl-C ends after its step, and prints what came of it. */
export async function tellTraining(
  { out, json, seed }: { out: string; json?: boolean; seed: number },
  train: (watch: Watch) => Promise<TrainedClassifier>,
): Promise<void> {
  const reporter = createProgress()
  const onTuned = (tuned: Tuned): void => {
    if (!json) process.stdout.write(`${trialLines(tuned).join('\n')}\n`)
  }
  const trained = await interruptible('stopping after this step', (signal) => train({ reporter, signal, onTuned }))
  const { model, data, bytes, steps, seconds, unlabelled, tuned, scores } = trained
  const floors = await floorsOf(trained, seed)
  const result = {
    ...{ out, bytes, steps, seconds, train: data.train.length },
    ...(unlabelled > 0 && { unlabelled }),
    test: data.test.length,
    preparation: model.config.preparation ?? null,
    ...(tuned && { tune: tuned }),
    ...scores,
    ...(floors && { floors: floors.found }),
  }
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${out}: ${(bytes / 1e6).toFixed(2)} MB, on ${data.test.length} texts held out:\n${taskWords(scores)}${floors?.words ?? ''}`,
  )
}

/** The same of an embedder that learned a teacher's vectors. */
export async function tellDistilledVectors(
  { out, json }: { out: string; json?: boolean },
  train: (watch: Watch) => Promise<DistilledEmbedder>,
): Promise<void> {
  const reporter = createProgress()
  const trained = await interruptible('stopping after this step', (signal) => train({ reporter, signal }))
  const { bytes, steps, seconds, texts, scores } = trained
  const result = { out, bytes, steps, seconds, train: texts.train.length, ...scores }
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${out}: ${(bytes / 1e6).toFixed(2)} MB; vectors beside the teacher's, on ${scores.texts} texts held out, with 95 % intervals:\n${vectorWords(scores).join('\n')}\n`,
  )
}

/** What simple models that learned from the same texts say; null of pairs and of labels that are no classes. */
async function floorsOf(
  { data, scores }: TrainedClassifier,
  seed: number,
): Promise<{ found: Floor[]; words: string } | null> {
  if (
    scores.problemType !== 'single_label_classification' ||
    data.test.some(({ text_pair: second }) => second !== undefined)
  )
    return null
  const { labels } = scores
  const positive = scores.positive === null ? null : labels.indexOf(scores.positive)
  const measured = await measureFloors(data.train, data.test, { classes: labels.length, positive, seed })
  const found = measured.map(withoutPredictions)
  return { found, words: floorWords(found, scores, 'trained on the same texts') }
}

const words = ({ learningRate, epochs, dropout, batch }: TrainingSetting): string[] =>
  [learningRate, epochs, dropout, batch].map(String)

/** The trials in the order they were made, then the setting chosen. */
function trialLines({ trials, chosen, scale }: Tuned): string[] {
  const [learningRate, epochs, dropout, batch] = words(chosen)
  return [
    ...columns([
      ['setting', 'learning rate', 'epochs', 'dropout', 'batch', 'of its epochs', 'F1', 'loss'],
      ...trials.map(({ number, setting, share, score, loss }) => [
        String(number + 1),
        ...words(setting),
        `${(100 * share * scale).toFixed(0)} %`,
        score.toFixed(4),
        loss.toFixed(4),
      ]),
    ]),
    `chosen: learning rate ${learningRate}, ${epochs} epochs, dropout ${dropout}, batch ${batch}`,
  ]
}
