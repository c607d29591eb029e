import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalTable } from '../../lib/data/table.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { compareRows } from '../../lib/jobs/prove-rows.ts'
import { kernelReport, proveTrees } from '../../lib/jobs/prove-trees.ts'
import { compareMadeUp } from '../../lib/models/compare-made-up.ts'
import { compileTrees } from '../../lib/models/compile-trees.ts'
import type { KernelReport } from '../../lib/models/kernel.ts'
import { type LocalModel, modelFiles } from '../../lib/models/model.ts'

/** Compiles and proves a model's kernel as a worker does, in this process. @returns the report, which is in the folder too, with the kernel's files */
export async function proveKernel(
  { model, table, folder }: { readonly model: LocalModel; readonly table: LocalTable; readonly folder: string },
  parts = 1,
): Promise<KernelReport> {
  const trees = await proveTrees({ onnxFile: model.onnxFile, folder }, parts, {
    compileTrees,
    compareMadeUp: (order) => compareMadeUp(order, () => {}),
  })
  const kernel = {
    plan: trees.status === 'proven' ? trees.plan : undefined,
    codeFile: join(folder, modelFiles.kernelCode),
    tablesFile: join(folder, modelFiles.kernelTables),
  }
  const rows =
    kernel.plan === undefined
      ? undefined
      : await compareRows(
          model,
          table,
          { ...kernel, plan: kernel.plan },
          () => {},
          () => {},
        )
  const report = kernelReport(trees, rows)
  await writeFile(join(folder, modelFiles.kernel), canonicalJson(report))
  return report
}
