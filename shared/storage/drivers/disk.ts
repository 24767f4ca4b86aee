// Reached through `import()` only: few deployments keep their files in a folder.
export { openDisk } from '#shared/storage/disk/disk.ts'
