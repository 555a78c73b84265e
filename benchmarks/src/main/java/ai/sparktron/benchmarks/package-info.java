/** One class per claim about speed; each measures ours and a named peer under the same conditions, and README.md records what came out. */
package ai.sparktron.benchmarks;
