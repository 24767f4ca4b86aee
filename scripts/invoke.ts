// npm run invoke: calls the local cloud as a mini-program or a partner would, signed when asked.
import { dirname, resolve } from 'node:path'
import { addressesOf } from './dev/addresses.ts'
import { errorText } from './error-text.ts'
import { createIdentities } from './invoke/identities.ts'
import { fireTimer } from './invoke/fire-timer.ts'
import { invoke } from './invoke/invoke.ts'
import { HELP, readOptions } from './invoke/options.ts'

const root = dirname(import.meta.dirname)

try {
  const options = readOptions(process.argv.slice(2), process.env, (folder) =>
    addressesOf(resolve(root, folder)),
  )
  if (options === 'help') console.log(HELP)
  else if ('timerOf' in options) {
    const status = await fireTimer(options, { out: (line) => console.log(line) })
    if (status >= 400 && !options.noFail) process.exitCode = 1
  } else {
    const folder = resolve(root, options.folder)
    const identities = createIdentities({ url: options.url, folder, env: process.env })
    const status = await invoke(options, {
      identities,
      out: (line) => console.log(line),
      note: (line) => console.error(line),
    })
    if (status >= 400 && !options.noFail) process.exitCode = 1
  }
} catch (error) {
  console.error(errorText(error))
  process.exitCode = 2
}
