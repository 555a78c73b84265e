/**
 * Models and datasets of the Hugging Face and ModelScope hubs, downloaded once into a cache that processes share.
 *
 * <p>Start at {@link ai.sparktron.pipeline.hub.HubClient}: {@code snapshot(kind, id, revision, files)} gives a local directory. A
 * {@link ai.sparktron.pipeline.hub.Hub} says how one hub's REST API is spoken; everything else (retries, resume, verification, locks) is shared.
 * Uses the JDK's HTTP client and Jackson only; must not import Spark, the trainer or Arrow. No environment variable is read here: the command
 * line passes {@link ai.sparktron.pipeline.hub.HubOptions}.
 */
package ai.sparktron.pipeline.hub;
