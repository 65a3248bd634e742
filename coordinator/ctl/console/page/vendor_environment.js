// @tanstack/virtual-core asks a bundler's question: what is it built for?
globalThis.process ??= { env: { NODE_ENV: 'production' } };
