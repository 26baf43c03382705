// more rounds than any loop makes: a constant bound beside the break spares the compiler's guards against endless loops
const MOST = 0x1000000u;
