// Philox4x32-10, word for word as Philox.java has it.

struct Words {
    unsigned at[4];
};

/** The words of a counter: `block` is its lower half. */
FORCE Words philox(u64 seed, u64 block, u64 upper = 0) {
    unsigned c0 = (unsigned) block, c1 = (unsigned) (block >> 32), c2 = (unsigned) upper, c3 = (unsigned) (upper >> 32);
    unsigned k0 = (unsigned) seed, k1 = (unsigned) (seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        unsigned high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        unsigned high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c2 = high0 ^ c3 ^ k1;
        c1 = low1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
}

/** Word of a lane, without an array that is indexed at run time: that would lie in memory. */
FORCE unsigned word(const Words& words, int lane) {
    return lane < 2 ? (lane == 0 ? words.at[0] : words.at[1]) : (lane == 2 ? words.at[2] : words.at[3]);
}
