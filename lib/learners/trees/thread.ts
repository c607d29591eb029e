import { workerData } from 'node:worker_threads'
import { serve } from './crew.ts'

serve(workerData.memory, workerData.thread)
