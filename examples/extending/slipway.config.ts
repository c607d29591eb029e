import { defineConfig } from 'slipway/extend'
import { form } from './adapters/form-protocol.ts'
import { gitSource } from './adapters/git-source.ts'
import { remoteTarget } from './adapters/remote-target.ts'
import { winsorized } from './adapters/winsorized-learner.ts'

export default defineConfig({ extend: [gitSource, winsorized, remoteTarget, form] })
