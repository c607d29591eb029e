import { madeUpRows } from '../made-up-rows.ts'
import type { Proposal } from '../propose.ts'
import type { Template } from '../templates.ts'
import { featuresFile } from './features.ts'
import { pipelineFile } from './pipeline.ts'
import { schemaFile } from './schema.ts'
import { testFile } from './test.ts'

/**
 * The files of a pipeline, by their paths from the project's folder.
 * @param model a finished one, from the project's folder
 */
export function pipelineFiles(proposal: Proposal, template: Template, model?: string): ReadonlyMap<string, string> {
  const folder = `pipelines/${proposal.name}`
  const rows = madeUpRows(proposal).map((row) => `  ${JSON.stringify(row)}`)
  return new Map([
    [`${folder}/schema.ts`, schemaFile(proposal)],
    [`${folder}/features.ts`, featuresFile(proposal)],
    [`${folder}/pipeline.ts`, pipelineFile(proposal, template, model)],
    [`${folder}/pipeline.test.ts`, testFile(proposal, template)],
    [`${folder}/rows.json`, `[\n${rows.join(',\n')}\n]\n`],
  ])
}
