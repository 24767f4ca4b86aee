// npm run invoke: calls the local cloud as a mini-program or a partner would, signed when asked.
import { dirname, resolve } from 'node:path'
import { addressesOf } from './dev/addresses.ts'
import { errorText } from './error-text.ts'
import { createIdentities } from './invoke/identities.ts'
import { fire } from './invoke/fire/fire.ts'
import { fireTimer } from './invoke/fire-timer.ts'
import { invoke } from './invoke/invoke.ts'
import { HELP } from './invoke/help.ts'
import { readOptions } from './invoke/options.ts'
import { showShop } from './invoke/show-shop.ts'

const root = dirname(import.meta.dirname)

const args = process.argv.slice(2)
const runningOn = (folder: string) => addressesOf(resolve(root, folder))
const out = (line: string) => console.log(line)
const note = (line: string) => console.error(line)

try {
  if (args[0] === 'fire') process.exitCode = await fire(args.slice(1), { runningOn, out, note })
  else if (args[0] === 'shop') await showShop(args.slice(1), { runningOn, out })
  else await call()
} catch (error) {
  console.error(errorText(error))
  process.exitCode = 2
}

async function call(): Promise<void> {
  const options = readOptions(args, process.env, runningOn)
  if (options === 'help') console.log(HELP)
  else if ('timerOf' in options) {
    const status = await fireTimer(options, { out })
    if (status >= 400 && !options.noFail) process.exitCode = 1
  } else {
    const folder = resolve(root, options.folder)
    const identities = createIdentities({ url: options.url, folder, env: process.env })
    const status = await invoke(options, { identities, out, note })
    if (status >= 400 && !options.noFail) process.exitCode = 1
  }
}
