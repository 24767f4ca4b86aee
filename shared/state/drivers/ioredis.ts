// Reached through `import()` only: the build makes one file of it that every function shares.
export { Cluster, Redis } from 'ioredis'
