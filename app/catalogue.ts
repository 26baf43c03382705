// The models that the page ships: the folders of app/models.

import type { ModelChoice } from './messages.ts'
import type { ModelFacts } from './model-facts.ts'

const addresses = import.meta.glob<string>(
  './models/*/{config.json,model.safetensors,tokenizer.json,tokenizer_config.json,SHA256SUMS}',
  { query: '?url', import: 'default', eager: true },
)
const facts = import.meta.glob<ModelFacts>('./models/*/page.json', { import: 'default', eager: true })

const cards = import.meta.glob<string>('./models/*/MODEL_CARD.md', { query: '?raw', import: 'default' })

/** The card of a shipped model as it was written; null where there is none. */
export const cardOf = async (name: string): Promise<string | null> =>
  (await cards[`./models/${name}/MODEL_CARD.md`]?.()) ?? null

export interface PageModel {
  choice: ModelChoice
  /** null for a folder of the reader's own */
  facts: ModelFacts | null
}

/** What the page opens with. */
export const FIRST_MODEL = 'sentiment'

/** By the folder's name. */
export const MODELS: ReadonlyMap<string, PageModel> = new Map(
  Object.entries(facts).map(([path, known]) => {
    const name = path.split('/')[2]
    const own = Object.entries(addresses).filter(([file]) => file.startsWith(`./models/${name}/`))
    const files = own.map(([file, address]) => [file.split('/')[3], new URL(address, document.baseURI).href])
    return [name, { choice: { name, addresses: Object.fromEntries(files) }, facts: known }]
  }),
)
