// Reached through `import()` only: a parser that only POST /upload needs, and CommonJS.
export { default } from 'busboy'
