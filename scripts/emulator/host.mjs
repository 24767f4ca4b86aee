// Runs a function's bundle and ends with the program that started it: its end of our standard input closes even when
// it is killed outright, and a function that outlived its local cloud would hold a port and a database connection.
import { pathToFileURL } from 'node:url'

process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0))
process.stdin.resume()

await import(pathToFileURL(process.argv[2]).href)
