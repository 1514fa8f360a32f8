"""An index of nearest neighbours whose lists stay on disk, after SPANN: few vectors in memory lead to short lists."""
