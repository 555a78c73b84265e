package ai.sparktron.pipeline.hub;

import java.util.List;

/**
 * The files of a repository at one revision.
 *
 * @param snapshot name of this state of the repository: the commit where the hub has one, otherwise a hash over the listing
 * @param files    all files, in the order of the hub
 */
public record Listing(String snapshot, List<HubFile> files) {
    public Listing {
        if (!snapshot.matches("[0-9A-Za-z._-]{1,128}")) {
            throw new HubException("the hub names its snapshot '" + snapshot + "'; expected a commit hash");
        }
        files = List.copyOf(files);
    }
}
