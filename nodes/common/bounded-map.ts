/** A map with a bound: with more entries than that, it forgets the one that was added first. */
export class BoundedMap<K, V> extends Map<K, V> {
  /** @param most how many entries are kept */
  constructor(private readonly most: number) {
    super();
  }

  override set(key: K, value: V): this {
    super.set(key, value);
    if (this.size > this.most) this.delete(this.keys().next().value as K);
    return this;
  }
}
