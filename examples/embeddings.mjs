// Which text is nearest to a question: vectors by transformers.js's names.
import { cos_sim, pipeline } from 'compact-kernels/transformers'

const embed = await pipeline('feature-extraction', process.argv[2] ?? './my-model', { device: 'cpu' })
const texts = ['a good film', 'a bad plot', 'the sound was dull']
const vectors = await embed(['was it good?', ...texts], { pooling: 'mean', normalize: true })
const [question, ...others] = [...vectors]
const near = others.map(({ data }, i) => ({ text: texts[i], similarity: cos_sim(question.data, data) }))
console.log(near.sort((a, b) => b.similarity - a.similarity))
await embed.dispose()
