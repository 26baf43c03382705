// A server: one pipeline for all requests, which may overlap. POST a JSON list of texts; it ends itself with --once.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { pipeline } from 'compact-kernels'

const [model = './my-model', once] = process.argv.slice(2)
const classify = await pipeline('text-classification', model, { device: 'cpu' })
const server = createServer(async (request, response) => {
  const control = new AbortController()
  // who has gone needs no answer
  response.on('close', () => control.abort())
  try {
    const answers = await classify(await json(request), { signal: control.signal })
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers))
  } catch (error) {
    response.writeHead(400).end(error.message)
  }
})
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address()
  console.log(`http://127.0.0.1:${port}/`)
  if (once !== '--once') return
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify(['a good film']) })
  console.log(await answer.json())
  server.close()
  await classify.dispose()
})
