// Reached through `import()` only: a function without published rules never loads it.
export { Environment } from '@marcbachmann/cel-js'
