// The compiler that ships is the compiler that tests: Jest transforms TypeScript with esbuild.
const { transformSync } = require('esbuild')

exports.process = (source, file) =>
  transformSync(source, {
    loader: file.endsWith('x') ? 'tsx' : 'ts',
    format: 'esm',
    target: 'node24',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcefile: file,
    sourcemap: 'inline',
  })
