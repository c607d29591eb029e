import { dataframe } from 'slipway/dataframe'

const year = 365.2425 * 86_400_000

/** The season as a point on a circle, and how cold, windy and wet the day began. Written with danfojs. */
export const features = dataframe((df, dfd) => {
  const angle = (df.column('date').values as number[]).map((ms) => (2 * Math.PI * (ms % year)) / year)
  return new dfd.DataFrame({
    winter: angle.map(Math.cos),
    spring: angle.map(Math.sin),
    low: df.column('temp_min').values,
    wind: df.column('wind').values,
    wet: (df.column('precipitation').values as number[]).map(Math.log1p),
    weather: df.column('weather').values,
  })
})
