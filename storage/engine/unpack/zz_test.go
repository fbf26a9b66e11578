package unpack
import ("testing";"os";"context";"io";"time";"bufio")
func TestZZ(t *testing.T){
 f,_:=os.Open(os.Getenv("ZZ")); d,_:=os.MkdirTemp("/tmp/t-pull","zz"); defer os.RemoveAll(d)
 s:=time.Now(); r,err:=Unpack(context.Background(),f,d,Options{UIDs:everyID(),GIDs:everyID(),UserNS:true,Split:bufio.NewWriter(io.Discard)})
 t.Log(time.Since(s),err,r.Entries,r.Size)
}
