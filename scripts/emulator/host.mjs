// host.mjs <the function's folder> [module …]: runs the bundle that the first line of standard input names. Until
// then it loads the modules given, which the bundle will need: such a process was started while its bundle was being
// built. It ends with the program that started it: its end of our standard input closes even when it is killed
// outright, and a function that outlived its local cloud would hold a port and a database connection.
import { pathToFileURL } from 'node:url'

const load = (file) => import(pathToFileURL(file).href)
let text = ''
const named = new Promise((resolve) => {
  process.stdin.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
    if (text.endsWith('\n')) resolve(text.trimEnd())
  })
})
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0))

await Promise.all(process.argv.slice(3).map(load)).catch(() => {}) // the bundle will meet the same error
await load(await named)
