/**
 * Sample lengths in, rows of bounded length out. Start at {@link ai.sparktron.packing.bin.Packer}; {@link ai.sparktron.packing.bin.Packing} names
 * the packers there are, {@link ai.sparktron.packing.bin.RowPlan} is what they return.
 *
 * <p>Nothing but the JDK may be imported here: a packer sees numbers, never tokens, so it can be tried on lengths alone.
 */
package ai.sparktron.packing.bin;
