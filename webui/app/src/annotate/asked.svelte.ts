//! The flows that an open dialog of this folder is about.

class Asked {
  ids: number[] = $state.raw([]);
}

export const asked = new Asked();
