// Runs in a process of its own: node bench/local-store-server.ts <folder> <secret key>
import { startObjectStore } from '#scripts/emulator/object-store/start-object-store.ts'

const [folder = '', secretKey = ''] = process.argv.slice(2)
const bucket = { folder, bucket: 'bench', region: 'local' }
const server = await startObjectStore({ ...bucket, accessKeyId: 'bench', secretKey })
console.log(JSON.stringify({ port: Number(new URL(server.url).port) }))
