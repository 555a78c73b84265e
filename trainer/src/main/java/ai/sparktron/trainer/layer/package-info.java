/**
 * Layers with hand-written forward and backward: {@link ai.sparktron.trainer.layer.DecoderModel} is a stage of a model (or all of it),
 * {@link ai.sparktron.trainer.layer.Pass} is one micro-batch on its way through it, {@link ai.sparktron.trainer.layer.Saved} keeps what backward needs.
 *
 * <p>Contracts: gradients of parameters accumulate, gradients of activations overwrite. Results are out-parameters; a layer allocates from the pass's arenas
 * only: what must outlive the call from {@code Saved}, the rest from {@code scratch}. What is cheap to compute again is not saved: the outputs of norms, of
 * SwiGLU, of query/key norms.
 *
 * <p>Single-device code: no rank, no group. Strategies come in through {@code ai.sparktron.trainer.seam}; {@code comm}, {@code mesh} and {@code parallel} are
 * never imported.
 *
 * <p>Letters: T packed tokens, D embedding, H query heads, G key/value heads, K size of a head, F feed-forward size, V vocabulary.
 */
package ai.sparktron.trainer.layer;
