import { defineConfig } from 'slipway/extend'
import { gitSource } from './adapters/git-source.ts'
import { queryLinesProtocol } from './adapters/query-lines-protocol.ts'
import { remoteTarget } from './adapters/remote-target.ts'
import { winsorized } from './adapters/winsorized-learner.ts'

export default defineConfig({ extend: [gitSource, winsorized, remoteTarget, queryLinesProtocol] })
