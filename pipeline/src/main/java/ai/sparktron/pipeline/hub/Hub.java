package ai.sparktron.pipeline.hub;

import java.net.URI;
import java.util.Map;

/** How one hub's REST API is spoken. */
public interface Hub {

    /** The hub's name for messages. */
    String name();

    /** The option that selects this hub, for messages. */
    String tokenHint();

    /** The revision used when the user names none. */
    String defaultRevision();

    /** The page a person opens to see the repository (and to accept its terms). */
    String page(RepoKind kind, String id);

    /** Headers that authenticate a request to this hub's own host; empty without a token. */
    Map<String, String> authorization();

    /** All files at a revision. */
    Listing list(HubHttp http, RepoKind kind, String id, String revision);

    /** Where a file's content is; the hub may answer with redirects to a storage host. */
    URI content(RepoKind kind, String id, Listing listing, String revision, String path);
}
