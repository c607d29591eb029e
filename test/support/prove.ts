import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalTable } from '../../lib/data/table.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { compareRows } from '../../lib/jobs/prove-rows.ts'
import { compiledReport, proveTrees } from '../../lib/jobs/prove-trees.ts'
import { compareMadeUp } from '../../lib/models/compare-made-up.ts'
import { compileTrees } from '../../lib/models/compile-trees.ts'
import type { CompiledModelReport } from '../../lib/models/compiled-model.ts'
import { type LocalModel, modelFiles } from '../../lib/models/model.ts'

/**
 * Compiles and proves a model's compiled model as a worker does, in this process.
 * @returns the report, which is in the folder too, with the compiled model's files
 */
export async function proveCompiledModel(
  { model, table, folder }: { readonly model: LocalModel; readonly table: LocalTable; readonly folder: string },
  parts = 1,
): Promise<CompiledModelReport> {
  const trees = await proveTrees({ onnxFile: model.onnxFile, folder }, parts, {
    compileTrees,
    compareMadeUp: (order) => compareMadeUp(order, () => {}),
  })
  const compiledModel = {
    plan: trees.status === 'proven' ? trees.plan : undefined,
    codeFile: join(folder, modelFiles.compiledCode),
    tablesFile: join(folder, modelFiles.compiledTables),
  }
  const rows =
    compiledModel.plan === undefined
      ? undefined
      : await compareRows(
          model,
          table,
          { ...compiledModel, plan: compiledModel.plan },
          () => {},
          () => {},
        )
  const report = compiledReport(trees, rows)
  await writeFile(join(folder, modelFiles.compiledModel), canonicalJson(report))
  return report
}
