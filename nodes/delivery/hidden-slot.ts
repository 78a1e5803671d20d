/** A field that only this process sees on objects that are not ours. */
export interface HiddenSlot<T> {
  /** What {@link set} left on `holder`. */
  get(holder: object): T | undefined;
  set(holder: object, value: T): void;
}

/** A constructor whose `this` is the object it is given, so that a class that extends it adds its private fields to that object. */
const Given = function (holder: object): object {
  return holder;
} as unknown as new (holder: object) => object;

/**
 * Makes a slot: a private field that is added to the objects as they come. Like an entry in a `WeakMap` nobody else can see it, no clone,
 * JSON or copy takes it along, and it goes with its object; but setting it costs much less (a `WeakMap` about five times as much, measured with Node.js 24).
 */
export function hiddenSlot<T>(): HiddenSlot<T> {
  /** Objects that take no new fields; V8 lets frozen ones have private fields, but a proposal would end that. */
  let refused: WeakMap<object, T> | undefined;

  class Slot extends Given {
    #value: T;

    constructor(holder: object, value: T) {
      super(holder);
      this.#value = value;
    }

    static get(holder: object): T | undefined {
      return #value in holder ? holder.#value : refused?.get(holder);
    }

    static set(holder: object, value: T): void {
      if (#value in holder) {
        holder.#value = value;
        return;
      }
      try {
        new Slot(holder, value);
      } catch {
        (refused ??= new WeakMap<object, T>()).set(holder, value);
      }
    }
  }
  return Slot;
}
