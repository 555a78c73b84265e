package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.kernels.TokenLayout;
import java.util.List;

/**
 * Documents of a micro-batch that is dealt to ranks by {@link TokenDeal}.
 *
 * @param all   of all tokens
 * @param parts of the tokens of each rank
 */
public record DealtLayout(TokenLayout all, List<TokenLayout> parts) {
    public DealtLayout {
        parts = List.copyOf(parts);
    }
}
