export interface Example {
  text: string
  label: number
}
export interface Dataset {
  name: string
  labels: string[]
  train: Example[]
  test: Example[]
  notes: string[]
}
