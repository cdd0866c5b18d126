import type { WindowOptions } from '../learning/build-windows.js';
import type { ResolvedSpec } from '../result/result.js';
import type { AppliedView } from '../view/observe.js';
import { builtIns, type Registry, viewOf } from './plugins/registry.js';

export function appliedView({ view }: Pick<ResolvedSpec, 'view'>, registry: Registry = builtIns): AppliedView {
  return { view: viewOf(view, registry), parameters: view.parameters };
}

/** How packets become windows: what training, testing and later use of a model must have in common. */
export function windowing(
  { window, mix, port, split }: Pick<ResolvedSpec, 'window' | 'mix' | 'port' | 'split'>,
  { view }: AppliedView,
): Pick<WindowOptions, 'size' | 'mix' | 'port' | 'separateFiles'> {
  return {
    size: window,
    // An observer who sees MAC addresses never has the packets of two devices in one window.
    mix: view.perDevice && mix === 'home' ? 'single' : mix,
    port,
    separateFiles: split.by !== 'time',
  };
}
