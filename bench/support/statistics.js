/** The value below which a share of the values lies, between two of them by proportion. */
export function quantile (values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low + (high - low) * (place % 1)
}

export const median = values => quantile(values, 0.5)
