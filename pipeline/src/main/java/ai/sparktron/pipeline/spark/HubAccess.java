package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.DatasetSpec;
import ai.sparktron.pipeline.hub.DatasetFiles;
import ai.sparktron.pipeline.hub.HubClient;
import ai.sparktron.pipeline.hub.HubOptions;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/**
 * The hubs that dataset ids are fetched from, on the driver.
 *
 * @param huggingFace client for {@code HF::} ids
 * @param modelScope  client for {@code MS::} ids
 * @param preferred   which one an id without prefix means ({@code use_hf})
 */
public record HubAccess(HubClient huggingFace, HubClient modelScope, Preferred preferred) {

    /** The hub of ids without prefix. */
    public enum Preferred { HUGGING_FACE, MODELSCOPE }

    public HubAccess {
        Objects.requireNonNull(huggingFace, "huggingFace");
        Objects.requireNonNull(modelScope, "modelScope");
        Objects.requireNonNull(preferred, "preferred");
    }

    /**
     * Both hubs as their own tools would be set up.
     *
     * @param environment the process environment
     * @param home        the user's home directory
     * @param token       {@code hub_token}, or null
     */
    public static HubAccess of(Map<String, String> environment, Path home, String token, Preferred preferred) {
        return new HubAccess(HubClient.huggingFace(HubOptions.huggingFace(environment, home, token)),
                HubClient.modelScope(HubOptions.modelScope(environment, home, token)), preferred);
    }

    HubClient.Snapshot fetch(DatasetSpec spec) {
        boolean hugging = switch (spec.origin()) {
            case HUGGING_FACE -> true;
            case MODELSCOPE -> false;
            case PATH_OR_HUB -> preferred == Preferred.HUGGING_FACE;
            case PATH, TABLE -> throw new IllegalStateException(spec + " is not on a hub");
        };
        return new DatasetFiles(hugging ? huggingFace : modelScope).fetch(spec.location(), null, spec.subsets());
    }
}
